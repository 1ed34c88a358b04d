import { multiframe } from './multi-frame.ts';
import { qido } from './qido.ts';
import { replicas } from './replicas.ts';
import { retrieve } from './retrieve.ts';
import type { Section, SectionName } from './section.ts';
import { store } from './store.ts';
import { stow } from './stow.ts';
import { visible } from './visible.ts';

/** All sections. */
export const SECTIONS: Readonly<Record<SectionName, Section>> = { store, stow, qido, retrieve, multiframe, visible, replicas };

/** Their names in the order in which they run. */
export const SECTION_NAMES: readonly SectionName[] = ['store', 'stow', 'qido', 'retrieve', 'multiframe', 'visible', 'replicas'];
