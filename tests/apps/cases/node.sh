# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# V8 isolates in threads that share memory, code made at run time, worker exit codes and a child process.
needs=node
prepare() {
  cat >workers.js <<'J'
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads')
const crypto = require('crypto')
const { execFileSync } = require('child_process')
if (isMainThread) {
  const shared = new SharedArrayBuffer(4096), cells = new Int32Array(shared)
  const said = {}
  let left = 4
  for (let i = 0; i < 4; i++) {
    const worker = new Worker(__filename, { workerData: { i, shared } })
    worker.on('message', m => { said[i] = m })
    worker.on('exit', code => {
      said[i] += ' ' + code
      if (--left === 0) {
        for (let k = 0; k < 4; k++) console.log(k, said[k])
        console.log(cells[0], cells[1], execFileSync('echo', ['child']).toString().trim())
      }
    })
  }
} else {
  const cells = new Int32Array(workerData.shared)
  let hash = 's' + workerData.i
  for (let k = 0; k < 5000; k++) {
    hash = crypto.createHash('sha256').update(hash).digest('hex')
    Atomics.add(cells, 0, 1)
  }
  while (Atomics.load(cells, 1) !== workerData.i) Atomics.wait(cells, 1, Atomics.load(cells, 1), 50)
  Atomics.add(cells, 1, 1)
  Atomics.notify(cells, 1)
  const compiled = new Function('n', 'let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) | 0; return s')
  parentPort.postMessage(hash.slice(0, 16) + ' ' + compiled(3000000))
  process.exitCode = workerData.i
}
J
}
body() { under node "$INPUT/workers.js"; }
