import { serverForTests } from '@cairn/infra';
import fetchThePeers from './fetch-peers.mjs';

/**
 * Jest's globalSetup of the services: peers, and one set of servers for all suites, each of which takes names of its own on it. The tests
 * find the servers by CAIRN_E2E_INFRASTRUCTURE, a JSON object of environment variables; it stays unset when one cannot be had.
 */
export default async function setup() {
  await fetchThePeers();
  const servers = await Promise.all(['kafka', 'mongodb', 'seaweedfs'].map((name) => serverForTests(name)));
  globalThis.cairnE2eServers = servers.filter((server) => server !== undefined);
  if (servers.includes(undefined)) return;
  process.env.CAIRN_E2E_INFRASTRUCTURE = JSON.stringify(Object.assign({}, ...servers.map(({ environment }) => environment)));
}
