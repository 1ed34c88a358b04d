import type { StudyNumbers } from '../data/studies.ts';
import type { Measurement } from '../measurement.ts';
import type { Scale } from '../scale.ts';
import type { Server } from '../servers/server.ts';

/** Names for `--only`. */
export type SectionName = 'store' | 'stow' | 'qido' | 'retrieve' | 'multiframe' | 'visible' | 'replicas';

/** What a section works with: an empty server of its own. */
export interface SectionContext {
  readonly server: Server;
  readonly scale: Scale;
  readonly studies: StudyNumbers;
  /** Tells the person what runs now. */
  readonly progress: (what: string) => void;
}

/** Measures one server; throws when an answer is wrong, so that no figure is printed for failed work. */
export type Section = (context: SectionContext) => Promise<Measurement[]>;
