// Scenarios by name. The pages list files; a run, and what is kept of it, knows the name that stands in the file.

/**
 * The files that are meant: of that name, else those whose scenario has it. A name that nothing has stays.
 * @param {{ name: string, called: string }[]} listed @param {string[]} names
 */
export const files = (listed, names) => {
  const found = names.map((name) => (listed.find((one) => one.name === name) ?? listed.find((one) => one.called === name))?.name ?? name);
  return [...new Set(found)];
};
