/** Size of the parts of a multipart upload, and the most that is held of a source before it is sent. */
export const PART_BYTES = 16 * 1024 * 1024;

interface Waiting {
  reservation: UploadReservation;
  bytes: number;
  grant: () => void;
}

/**
 * The memory that bodies on their way to the store may take. A body is sent when it, or a part of it, is complete; so bytes are
 * only handed out while some body could still be completed, else all would wait for each other for ever. A source whose bytes
 * do not fit waits, and with it the socket that it reads from.
 */
export class UploadBudget {
  readonly totalBytes: number;
  readonly #filling = new Set<UploadReservation>();
  readonly #waiting: Waiting[] = [];
  #freeBytes: number;
  /** Bytes of complete bodies: they will come back whatever the others do. */
  #sealedBytes = 0;

  /** `totalBytes` is at least one part (16 MiB). */
  constructor(totalBytes: number) {
    this.totalBytes = Math.max(totalBytes, PART_BYTES);
    this.#freeBytes = this.totalBytes;
  }

  /** Bytes handed out. */
  get usedBytes(): number {
    return this.totalBytes - this.#freeBytes;
  }

  open(): UploadReservation {
    const reservation = new UploadReservation({
      take: (bytes, signal) => this.#take(reservation, bytes, signal),
      seal: () => this.#seal(reservation),
      release: () => this.#release(reservation),
    });
    this.#filling.add(reservation);
    return reservation;
  }

  #take(reservation: UploadReservation, bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#tryTake(reservation, bytes)) return undefined;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason as Error);
      };
      const grant = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const waiting = { reservation, bytes, grant };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      this.#grantWaiting();
    });
  }

  /** Takes the bytes unless no body could then be completed with what is free or will come back. */
  #tryTake(reservation: UploadReservation, bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    let largest = reservation.heldBytes + bytes;
    for (const { heldBytes } of this.#filling) if (heldBytes > largest) largest = heldBytes;
    if (this.#freeBytes - bytes + this.#sealedBytes < PART_BYTES - largest) return false;
    this.#freeBytes -= bytes;
    reservation.heldBytes += bytes;
    return true;
  }

  #seal(reservation: UploadReservation): void {
    if (this.#filling.delete(reservation)) this.#sealedBytes += reservation.heldBytes;
  }

  #release(reservation: UploadReservation): void {
    if (!this.#filling.delete(reservation)) this.#sealedBytes -= reservation.heldBytes;
    this.#freeBytes += reservation.heldBytes;
    reservation.heldBytes = 0;
    this.#grantWaiting();
  }

  #grantWaiting(): void {
    for (const waiting of this.#waiting.filter(({ reservation, bytes }) => this.#tryTake(reservation, bytes))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.grant();
    }
  }
}

interface ReservationCalls {
  take: (bytes: number, signal?: AbortSignal) => Promise<void> | undefined;
  seal: () => void;
  release: () => void;
}

/** What one part of one body takes of the budget: at most 16 MiB. */
export class UploadReservation {
  heldBytes = 0;
  readonly #calls: ReservationCalls;

  constructor(calls: ReservationCalls) {
    this.#calls = calls;
  }

  /** Waits until so many more bytes may be held; undefined: at once. */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    return this.#calls.take(bytes, signal);
  }

  /** Says that no more will be taken. */
  seal(): void {
    this.#calls.seal();
  }

  /** Gives everything back; once. */
  release(): void {
    this.#calls.release();
  }
}

/** The one budget of the process: 256 MiB. */
export const processUploadBudget = new UploadBudget(256 * 1024 * 1024);
