export { portable } from './portable.js'
export { type Parallelism, type Task, type TaskOptions, type TaskTuple, task } from './tasks/task.js'
export { execute, type ReportOf, TaskList, type TasksOptions, tasks } from './tasks/task-list.js'
export type { Constants, Gives, Takes, TaskFunction, Wrong } from './tasks/task-types.js'
