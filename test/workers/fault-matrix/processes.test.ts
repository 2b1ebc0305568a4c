import { matrixOf } from './matrix.js'

matrixOf('process')
