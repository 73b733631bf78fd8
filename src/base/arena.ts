// One block of memory that packets, keys or structures live in for as long as the process does. Everything inside is named by
// offsets; one DataView over one block costs 4 ns for a whole NAT rewrite where a subarray per packet costs 60.

/** A fixed block of memory with its two views. */
export class Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** The block's address for system calls; 0 until `io` has pinned it. Pure code never reads it. */
  address = 0;

  constructor(size: number) {
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }
}
