/* The whole C interface. */
#pragma once

#include "sparsetrain/c/batch_norm.h"
#include "sparsetrain/c/concat.h"
#include "sparsetrain/c/conv2d.h"
#include "sparsetrain/c/dropout.h"
#include "sparsetrain/c/join.h"
#include "sparsetrain/c/layout.h"
#include "sparsetrain/c/library.h"
#include "sparsetrain/c/linear.h"
#include "sparsetrain/c/loss.h"
#include "sparsetrain/c/pool.h"
#include "sparsetrain/c/relu.h"
#include "sparsetrain/c/sgd.h"
#include "sparsetrain/c/shifted_conv.h"
#include "sparsetrain/c/status.h"
#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"
