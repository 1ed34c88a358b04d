/** A log of an hour may have millions of lines: 12 bytes a line here, where a Map of strings takes over a hundred. */
const INITIAL_SLOTS = 1024;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Where in a log the lines of a name may begin: hash → offsets, open addressing. A hash may be shared, so callers compare names. */
export class NameIndex {
  #hashes = new Uint32Array(INITIAL_SLOTS);
  /** Offset + 1; 0 is a free slot. */
  #offsets = new Float64Array(INITIAL_SLOTS);
  #count = 0;

  add(name: string, offset: number): void {
    if (this.#count * 2 >= this.#hashes.length) this.#grow();
    this.#insert(hash(name), offset + 1);
    this.#count += 1;
  }

  /** Candidate offsets, the last line first. */
  offsetsOf(name: string): number[] {
    const wanted = hash(name);
    const found: number[] = [];
    const mask = this.#hashes.length - 1;
    for (let slot = wanted & mask; this.#offsets[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] === wanted) found.push(this.#offsets[slot]! - 1);
    }
    return found.sort((a, b) => b - a);
  }

  #insert(hashed: number, stored: number): void {
    const mask = this.#hashes.length - 1;
    let slot = hashed & mask;
    while (this.#offsets[slot] !== 0) slot = (slot + 1) & mask;
    this.#hashes[slot] = hashed;
    this.#offsets[slot] = stored;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const offsets = this.#offsets;
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#offsets = new Float64Array(hashes.length * 2);
    offsets.forEach((stored, slot) => {
      if (stored !== 0) this.#insert(hashes[slot]!, stored);
    });
  }
}

/** FNV-1a over the UTF-16 units. */
function hash(text: string): number {
  let value = FNV_OFFSET;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), FNV_PRIME);
  return value >>> 0;
}
