import { matrixOf } from './matrix.js'

matrixOf('thread')
