// Package interop holds other people's clients of c2sp.org/tlog-tiles and
// c2sp.org/tlog-witness against this project's logs. It has tests only, in a
// module of their own, so that those clients are nobody's dependencies.
package interop
