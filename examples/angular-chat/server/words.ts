/** What an answer is made of, in any order. */
const SENTENCES = [
  'Each word of this answer is a chunk of a durable stream: written once, on disk before it is on your screen.',
  'Reload the page in the middle. It reads what is there already, and goes on with what comes.',
  'A second tab shows the same, word for word, and all tabs together hold one connection.',
  'Stop it here or in the other tab — whoever stops it, everybody sees that it was stopped.',
  'Kill the server with kill -9, wait a little, and start it again. It finds this stream open on its disk, takes it over, and goes on after the last word that was stored.',
  'Switch off the network. The page keeps what it has, tries again by itself, and asks only for what it has missed.',
  'Nothing comes twice and nothing is lost, because every word has an offset, and whoever reads says where it was.',
  'A slow reader costs nobody anything: there is no buffer that could overflow, only a position in a log.',
  'Closing all tabs does not stop the answer either; leaving is not stopping.',
  'The text itself comes from no model. It is shuffled from a few sentences, and the same question is always answered in the same words.',
  'Every character arrives as it was written: café, naïve, größer, Ελλάδα, 3 ≤ π².',
  'When the answer is over, the stream has an outcome, and a reader who comes tomorrow is told the same as you.',
];
const OPENINGS = ['Good question.', 'Let me think aloud.', 'Here is what I know.', 'Gladly.'];

/** The words of the answer to a question, each with the space before it: always the same ones for the same question. */
export function wordsOf(question: string): string[] {
  const random = randomOf(question);
  const pick = <T>(from: T[]): T => from.splice(Math.floor(random() * from.length), 1)[0] as T;
  const openings = [...OPENINGS];
  const left = [...SENTENCES];
  const paragraphs = [`${pick(openings)} You have asked: “${question}”`];
  while (left.length > 0) {
    const length = Math.min(left.length, 2 + Math.floor(random() * 3));
    paragraphs.push(Array.from({ length }, () => pick(left)).join(' '));
  }
  return paragraphs.join('\n\n').match(/\s*\S+/gu) ?? [];
}

/** Numbers from 0 to 1 that a text leads to, by a small linear congruential generator. */
function randomOf(text: string): () => number {
  let state = 1;
  for (const character of text) state = (Math.imul(state, 31) + (character.codePointAt(0) ?? 0)) | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
