import { SAMPLE } from './sample-study.ts';

/** What a user needs to reach a running archive. */
export interface Reach {
  aeTitle: string;
  dicomHost: string;
  dicomPort: number;
  dicomTlsPort?: number;
  /** For example `http://127.0.0.1:8080/dicom-web`. */
  dicomWebUrl: string;
  dataFolder: string;
  /** Folder of the sample study. */
  sampleFolder: string;
  sampleFile: string;
  sampleBoundary: string;
}

/** The first lines that `cairn start` prints: how to reach the archive, and lines to copy that send, find and fetch a study. */
export function banner(reach: Reach): string {
  const tls = reach.dicomTlsPort === undefined ? [] : [`DICOM TLS port:    ${reach.dicomTlsPort}`];
  return [
    `AE title:          ${reach.aeTitle}`,
    `DICOM port:        ${reach.dicomPort}`,
    ...tls,
    `DICOMweb base URL: ${reach.dicomWebUrl}`,
    `Data folder:       ${reach.dataFolder}`,
    '',
    'Send a sample study, find it, fetch it:',
    `  curl -H 'Content-Type: multipart/related; type="application/dicom"; boundary=${reach.sampleBoundary}' --data-binary '@${reach.sampleFolder}/${reach.sampleFile}' ${reach.dicomWebUrl}/studies`,
    `  curl '${reach.dicomWebUrl}/studies?PatientID=${SAMPLE.patientId}'`,
    `  curl -H 'Accept: multipart/related; type="application/dicom"' -o fetched-study.multipart ${reach.dicomWebUrl}/studies/${SAMPLE.studyInstanceUid}`,
    'With DCMTK:',
    `  storescu -aec ${quoted(reach.aeTitle)} ${reach.dicomHost} ${reach.dicomPort} '${reach.sampleFolder}'/*.dcm`,
    '',
    '',
  ].join('\n');
}

/** The page at `/`. */
export function startPage(reach: Reach): string {
  const row = (name: string, value: string): string => `<tr><th>${name}</th><td><code>${escaped(value)}</code></td></tr>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Cairn</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:46rem;padding:0 1rem}th{text-align:left;padding-right:1.5rem}</style></head>
<body>
<h1>Cairn</h1>
<p>An archive for medical images runs here.</p>
<table>
${row('AE title', reach.aeTitle)}
${row('DICOM', `${reach.dicomHost}:${reach.dicomPort}`)}
${row('DICOMweb', reach.dicomWebUrl)}
</table>
<p>Health: <a href="/health/live">live</a>, <a href="/health/ready">ready</a>. <a href="/metrics">Metrics</a>. All studies: <a href="dicom-web/studies">QIDO-RS</a>.</p>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** An AE title may hold blanks and shell characters. */
function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
