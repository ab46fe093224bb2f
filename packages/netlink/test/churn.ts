/** Makes and removes links until its standard input ends; for the test of interrupted dumps. */
import { delLink, newLink, openRtnetlink } from '../src/index.ts';

const rt = openRtnetlink();
let going = true;
process.stdin.on('end', () => {
  going = false;
});
process.stdin.resume();
const turn = (): void => {
  for (let i = 0; i < 8; i++) {
    rt.request(newLink({ kind: 'ifb', name: 'churn' }));
    rt.request(delLink({ name: 'churn' }));
  }
  if (going) {
    setImmediate(turn);
  } else {
    rt.close();
  }
};
rt.request(newLink({ kind: 'ifb', name: 'churn' }));
rt.request(delLink({ name: 'churn' }));
console.log('going');
turn();
