import { TestEnvironment } from 'jest-environment-node';

/** Runs a suite against the services; skips all its tests, counted, when their servers cannot be had. */
export default class ServicesEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.process.env.CAIRN_E2E_SHAPE = 'services';
  }

  handleTestEvent({ name }, { rootDescribeBlock }) {
    if (name === 'run_start' && process.env.CAIRN_E2E_INFRASTRUCTURE === undefined) skip(rootDescribeBlock);
  }
}

function skip({ children }) {
  for (const child of children) {
    if (child.type === 'test') child.mode = 'skip';
    else skip(child);
  }
}
