// Package rules makes a market of rules and the requests they are asked, which
// each engine of a benchmark writes down in its own language, and measures how
// an engine decides them.
//
// Rule i belongs to employer i/10 and to category i%10, and every tenth is a
// forbid. A rule has eight clauses over facts of the request. Clauses of rules
// that share a shape differ in their constants alone; rules of different shapes
// read other facts, in another order, or compare them otherwise.
//
// A request has every fact. Half of the requests satisfy all clauses of some
// rule, the others have facts drawn at random. A request is allowed if a permit
// of its employer and category holds and no forbid of them does; since a forbid
// has its category alone, a request under it is refused whether it holds or not.
//
// Everything follows from a seed. The package knows no engine and imports the
// standard library alone.
package rules
