/** Jest's globalTeardown of the services. */
export default async function teardown() {
  await Promise.all((globalThis.cairnE2eServers ?? []).map((server) => server.stop()));
}
