/** Prints where a service listens, in one line; gives its page at `/`. */
export function listening(service: string, origin: string, dicom: readonly { port: number; tls: boolean }[] = []): string {
  const ports = dicom.map(({ port, tls }) => `, DICOM ${tls ? 'TLS ' : ''}port ${port}`).join('');
  process.stdout.write(`${service}: ${origin}${ports}\n`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Cairn ${service}</title></head>
<body>
<h1>Cairn ${service}</h1>
<p>Health: <a href="/health/live">live</a>, <a href="/health/ready">ready</a>. <a href="/metrics">Metrics</a>.</p>
</body>
</html>
`;
}
