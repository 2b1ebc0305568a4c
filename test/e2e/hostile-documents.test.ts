import { isPipelineError, NODE_PROPERTIES } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { type Answer, answer, type Case, expectAnswers } from '../support/hostile.js'

