// Package expr compiles and evaluates the conditions of rule documents.
//
// A condition is a CEL expression of type bool over the attributes of a [Table]. cel-go parses and checks it, and nothing
// outside this package knows that. What is checked is then lowered to a small typed program over a [Frame], which holds one
// request as slots in flat arrays: evaluation uses no maps, no reflection and no allocation. A part that the program
// cannot express is evaluated by cel-go over the same frame, slower and with the same result ([Cond.Fallback] says so).
// [Cond.Oracle] evaluates the whole by cel-go; tests hold the two against each other.
//
// # Values
//
// A condition is [False], [True], [Error] (an attribute is absent, an overflow, a division by zero) or [Unknown] (an
// attribute is withheld). && and || are commutative, False absorbs in the one and True in the other, and Unknown beats
// Error. == and != of operands without value are Error if one is Error, else Unknown; other operators stop at the first
// operand without value. Overflow, division by zero and instants outside the years 1 to 9999 are Error, and so, in
// [Documents] and other than in CEL, are operators and conversions that come to NaN. Every comparison with NaN is false but
// !=, so who fills a frame keeps NaN out.
//
//	&&  T F E U      ||  T F E U      !
//	T   T F E U      T   T T T T      F
//	F   F F F F      F   T F E U      T
//	E   E F E U      E   T E E U      E
//	U   U F U U      U   T U U U      U
//
// # Language
//
// Literals, attributes, comparisons, `in`, startsWith, endsWith, contains, matches with a constant pattern, logic, the
// ternary, checked integer arithmetic, floating point, durations, timestamps and their fields, in UTC or a named zone,
// size, all, exists, exists_one, map and filter over lists, and present(x), which asks whether an attribute is there. Not
// offered: maps, objects, has(), zones and patterns made at run time, a clock (`now` is an attribute like any other). Length, depth,
// node count, pattern size, nesting of loops and the estimated worst case are bounded, see [Compiler.Compile].
package expr
