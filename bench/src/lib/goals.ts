/** Returns the cells of a figure, its goal, and whether it is met. */
export function goalCells(figure: number, goal: number, format: (value: number) => string): string[] {
  return [format(figure), `<= ${format(goal)}`, figure <= goal ? 'met' : 'not met'];
}
