export type { FrameTable, PixelDataDescription, ScanResult, Span } from './scan-result.ts';
