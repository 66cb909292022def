/** What an answer's stream ends with. Its chunks are strings: first the question, then the text, word by word. */
export interface AnswerOutput {
  readonly words: number;
}
