/** Room where a source keeps its content, as RFC 4331 tells it to clients. In bytes. */
export interface Space {
  /** What may still be added. */
  readonly availableBytes: number;
  /** What is taken, by whatever. */
  readonly usedBytes: number;
  /** Names the disk or account, so that what two sources share is not counted twice. */
  readonly volume: string;
}
