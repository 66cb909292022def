/** A text such that `<` compares by code point, as the UTF-8 of engines does, instead of by UTF-16 unit. */
export const byCodePoint = (text: string): string =>
  // Surrogates, which stand for what is above all other units, and those above them change places.
  text.replace(/[\ud800-\uffff]/g, (unit) =>
    String.fromCharCode(unit.charCodeAt(0) + (unit < '\ue000' ? 0x2000 : -0x800)),
  );
