import { fetchPeers } from '../tools/peers/fetch-peers.mjs';

/** Jest's globalSetup: makes the independent peers ready and tells the tests where they are. */
export default async function setup() {
  process.env.CAIRN_E2E_PEERS = JSON.stringify(await fetchPeers());
}
