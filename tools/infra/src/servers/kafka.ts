import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../cache.ts';
import type { ServerDefinition, ServerPlace } from '../server-definition.ts';
import { fetchWith, requireTool, run } from '../toolchain.ts';
import { checkKafka } from './kafka-check.ts';

const VERSION = '4.3.1';
const LOG4J_VERSION = '2.25.3';
/** Fixed, so that it never begins with a dash, which the storage tool takes for an option. */
const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAAAQ';

/** Apache Kafka, one node that is broker and controller (KRaft), from its Maven jars. */
export const kafka: ServerDefinition = {
  name: 'kafka',
  version: VERSION,
  variable: 'KAFKA_BROKERS',
  portCount: 3,
  install: async () => {
    await requireTool('java', ['-version'], ['openjdk-17-jre-headless']);
    return cached(`kafka-${VERSION}`, async (folder) => {
      await requireTool('mvn', ['-version'], ['openjdk-17-jre-headless', 'maven']);
      await writeFile(join(folder, 'pom.xml'), POM);
      await writeFile(join(folder, 'log4j2.properties'), LOGGING);
      const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'jars')}`];
      const args = ['-q', '-B', '-f', join(folder, 'pom.xml'), ...goal];
      await fetchWith({ file: 'mvn', args }, /Could not find artifact org\.apache/);
    });
  },
  prepare: async (place) => {
    await mkdir(place.dataDir, { recursive: true });
    await writeFile(settingsPath(place), settings(place));
    const format = ['format', '-g', '--standalone', '-t', CLUSTER_ID, '-c', settingsPath(place)];
    await run('java', ['-cp', jars(place), 'kafka.tools.StorageTool', ...format]);
  },
  command: (place) => ({
    file: 'java',
    args: [
      '-Xms128m',
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-XX:ActiveProcessorCount=2',
      `-Dlog4j2.configurationFile=${join(place.installed, 'log4j2.properties')}`,
      '-cp',
      jars(place),
      'kafka.Kafka',
      settingsPath(place),
    ],
  }),
  address: ([port]) => `127.0.0.1:${port}`,
  addressForProxy: ([, , port]) => `127.0.0.1:${port}`,
  check: checkKafka,
  cleanUp: (place) => rm(settingsPath(place), { force: true }),
};

function jars({ installed }: ServerPlace): string {
  return join(installed, 'jars', '*');
}

function settingsPath({ dataDir }: ServerPlace): string {
  return `${dataDir}.properties`;
}

/**
 * Who comes by the proxied listener is told the proxy's port for all that follows. The last two lines make a killed broker take its place
 * again in 4 s instead of 12 s.
 */
function settings({ dataDir, ports: [port, controllerPort, proxiedPort], proxyPort = proxiedPort }: ServerPlace): string {
  return `process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxiedPort},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxyPort}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${dataDir}
auto.create.topics.enable=false
num.partitions=12
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.segment.bytes=16777216
log.cleaner.dedupe.buffer.size=4194304
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
`;
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>cairn.infra</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>${LOG4J_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>${LOG4J_VERSION}</version></dependency>
  </dependencies></project>
`;

const LOGGING = `status=warn
appender.console.type=Console
appender.console.name=C
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.c.ref=C
`;
