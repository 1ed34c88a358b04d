/** How much a run sends. */
import type { RequestLimits } from './measurement.ts';

/** Counts and sizes of a run. */
export interface Scale {
  readonly rounds: number;
  /** Tiny instances sent before the first measurement of a section that stores. */
  readonly warmUpInstances: number;
  /** CT slices of one round of C-STORE, and CR images of one. */
  readonly ctSlices: number;
  readonly crImages: number;
  /** CT slices of one STOW request. */
  readonly stowSlices: number;
  /** Instances in the index at the two stages of the QIDO section. */
  readonly qidoInstances: readonly [small: number, large: number];
  /** CT slices of the series that is retrieved. */
  readonly seriesSlices: number;
  readonly multiFrameBytes: number;
  /** CT slices sent while the time to visibility is sampled. */
  readonly visibilitySlices: number;
  /** Searches of one round at each number of replicas. */
  readonly replicaSearches: number;
  readonly requests: RequestLimits;
}

/** The scale of the published figures. */
export const FULL: Scale = {
  rounds: 3,
  warmUpInstances: 3000,
  ctSlices: 400,
  crImages: 24,
  stowSlices: 400,
  qidoInstances: [10_000, 100_000],
  seriesSlices: 1000,
  multiFrameBytes: 1.5 * 2 ** 30,
  visibilitySlices: 1000,
  replicaSearches: 2000,
  requests: { rounds: 3, requests: 100, milliseconds: 3000 },
};

/** A few minutes for both servers: shows the order of things, not figures to quote. */
export const QUICK: Scale = {
  rounds: 3,
  warmUpInstances: 500,
  ctSlices: 60,
  crImages: 8,
  stowSlices: 60,
  qidoInstances: [500, 3000],
  seriesSlices: 200,
  multiFrameBytes: 128 * 2 ** 20,
  visibilitySlices: 200,
  replicaSearches: 400,
  requests: { rounds: 3, requests: 30, milliseconds: 500 },
};
