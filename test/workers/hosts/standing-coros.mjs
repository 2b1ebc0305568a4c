/** Adds the process that it is called in. */
export const whereabouts = (pids) => [...pids, process.pid]
