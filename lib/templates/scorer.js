// A page whose title begins with what is sought comes first, then one whose title has all its words: by itself Sphinx
// ranks a page by its best single word. The ledger repeats what chapters state, and comes after them. The numbers are
// Sphinx's own.
var Scorer = {
  score: ([docname, title, anchor, description, score]) => {
    const sought = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase().trim();
    const name = title.toLowerCase();
    if (docname.includes("claims")) return score - 20;
    if (anchor) return score;
    if (name.startsWith(sought)) return score + 100;
    return sought.split(/\s+/).every((word) => name.includes(word)) ? score + 20 : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
