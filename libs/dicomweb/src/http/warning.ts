/** A Warning header value (RFC 7234 §5.5): miscellaneous persistent warning. The text is reduced to what a quoted string takes. */
export function warning299(text: string): string {
  return `299 cairn "${text.replaceAll(/[^ !#-[\]-~]/g, '?').slice(0, 512)}"`;
}
