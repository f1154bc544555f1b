/** Whether anything of a source was met since the start, or its first scan has ended: it can be told whether it is there. */
export class FirstMeeting {
  #isOver = false;
  #waiting: (() => void)[] = [];

  note(): void {
    this.#isOver = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when it is over. @param begin called when it is still to come. */
  async over(begin: () => void): Promise<void> {
    if (this.#isOver) return;
    begin();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
