import { leakCheck } from './leak-check.js'

leakCheck()
