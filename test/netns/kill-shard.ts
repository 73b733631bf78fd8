// Ends the worker thread of a running gateway, as a crash would: by the debugger that Node opens on SIGUSR1. Argument: the pid.

import { setTimeout as sleep } from 'node:timers/promises';

const pid = Number(process.argv[2]);
process.kill(pid, 'SIGUSR1');

const findTarget = async (): Promise<string> => {
  for (let i = 0; i < 100; i++) {
    try {
      const response = await fetch('http://127.0.0.1:9229/json/list');
      const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[];
      if (target) return target.webSocketDebuggerUrl;
    } catch {
      // It opens a moment later.
    }
    await sleep(50);
  }
  throw new Error('no debugger at port 9229');
};

const socket = new WebSocket(await findTarget());
await new Promise((resolve, reject) => {
  socket.onopen = resolve;
  socket.onerror = reject;
});

interface Remote {
  readonly objectId: string;
}
let id = 0;
const ask = <T>(method: string, params: object): Promise<T> => {
  const wanted = ++id;
  return new Promise((resolve, reject) => {
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as { id?: number; result?: T; error?: { message: string } };
      if (answer.id !== wanted) return;
      if (answer.error) reject(new Error(answer.error.message));
      else resolve(answer.result!);
    });
    socket.send(JSON.stringify({ id: wanted, method, params }));
  });
};

const expression = "process.getBuiltinModule('node:worker_threads').Worker.prototype";
const { result } = await ask<{ result: Remote }>('Runtime.evaluate', { expression });
const { objects } = await ask<{ objects: Remote }>('Runtime.queryObjects', { prototypeObjectId: result.objectId });
// The shard is the only thread of the gateway that has not ended.
const functionDeclaration = `function () {
  const lives = (worker) => {
    try {
      return worker.threadId > 0;
    } catch {
      return false; // The prototype of a subclass.
    }
  };
  const shards = this.filter(lives);
  for (const shard of shards) void shard.terminate();
  return shards.length;
}`;
const killed = await ask<{ result: { value: number } }>('Runtime.callFunctionOn', {
  objectId: objects.objectId,
  functionDeclaration,
  returnByValue: true,
});
console.log(JSON.stringify(killed.result.value));
process.exit(killed.result.value === 1 ? 0 : 1);
