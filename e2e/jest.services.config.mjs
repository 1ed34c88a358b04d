import preset from '../jest.preset.mjs';

/** The same suites against the archive as services, two replicas each, on real Kafka, MongoDB-wire and S3 servers. */
export default {
  ...preset,
  displayName: 'services',
  testEnvironment: '<rootDir>/services-environment.mjs',
  globalSetup: '<rootDir>/start-infrastructure.mjs',
  globalTeardown: '<rootDir>/stop-infrastructure.mjs',
  // One process and its data folder: killed by services.kill.test.ts in this shape.
  testPathIgnorePatterns: ['<rootDir>/test/durability/kill.test.ts'],
  testTimeout: 90_000,
};
