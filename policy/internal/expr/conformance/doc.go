// Package conformance holds the evaluator of rule conditions against the conformance suite of CEL, module cel.dev/expr.
//
// It is a module of its own, since the suite is large and nothing else needs it. Each of its cases that involves no
// protobuf message is compiled and evaluated twice, by cel-go alone and by the instructions of package expr with cel-go
// behind them; both must come to the same value, error or refusal. A case whose result is not a bool is compared with the
// result it expects.
package conformance
