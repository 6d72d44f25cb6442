/**
 * What `/task_info` says of a task. Its answer has four shapes: a task set, one task, a list of tasks,
 * and tasks by their seed. All of it is optional: a run needs none of it.
 */
import { isRecord, textOf } from '../translate/narrow.ts'

export interface TaskInfo {
  readonly shape: 'taskset' | 'task' | 'list' | 'by_seed'
  /** The task's name, else its id; undefined where it says neither. */
  readonly name: string | undefined
  /** What `env.env_name` of a rollout is to be. */
  readonly environment: string | undefined
  readonly dataset: string | undefined
  /** Names of the data's parts. */
  readonly splits: readonly string[]
}

/** @returns undefined where the answer is none of the four */
export function readTaskInfo(answer: unknown): TaskInfo | undefined {
  if (Array.isArray(answer)) return describe('list', answer.find(isRecord))
  if (!isRecord(answer)) return undefined
  const { taskset } = answer
  if (isRecord(taskset)) return describe('taskset', { task: taskset, dataset: taskset })
  if (isRecord(answer['task']) || isRecord(answer['dataset'])) return describe('task', answer)
  const [first] = Object.entries(answer).filter(([key, one]) => /^\d+$/.test(key) && isRecord(one))
  return first === undefined ? undefined : describe('by_seed', first[1])
}

function describe(shape: TaskInfo['shape'], info: unknown): TaskInfo | undefined {
  if (!isRecord(info)) return undefined
  const { environment } = info
  const splits = isRecord(info['dataset']) ? info['dataset']['splits'] : undefined
  return {
    shape,
    name: nameOf(info['task']),
    environment: nameOf(environment),
    dataset: nameOf(info['dataset']),
    splits: Array.isArray(splits)
      ? splits.filter((split) => typeof split === 'string')
      : Object.keys(isRecord(splits) ? splits : {}),
  }
}

/** Of what is an object with a name or id, or just its name. */
function nameOf(value: unknown): string | undefined {
  const text = isRecord(value)
    ? textOf(value['name']) || textOf(value['id']) || textOf(value['env_name'])
    : textOf(value)
  return text === '' ? undefined : text
}
