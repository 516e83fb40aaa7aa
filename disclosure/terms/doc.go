// Package terms holds the standard engagement terms: short agreements in plain
// language that replace a purchase order and a consulting contract for an
// engagement of a few hours. They are versioned, hashed, and accepted by both
// sides.
//
//	Standard ─► Template ─► Fill(params) ─► Document ─► Encode ─► Digest
//	                                            ▲          │
//	                                            └─ Decode ─┘
//
// A [Template] is an agreement with blanks. Its clauses hold placeholders
// {{name}} of declared parameters. [Fill] writes the parameters of one
// engagement into it and returns a [Document], whose text is final. Both sides
// and both employers accept the [Document.Digest]; whoever removes or changes
// a word, a clause, a parameter, the title or the version has another digest,
// and nobody has accepted that one.
//
// # Clauses and optional parameters
//
// A clause that mentions a parameter which is not required is part of the
// document only where all parameters that it mentions are given. So a clause
// that must always apply mentions required parameters only. Parameters are
// written into the text once: a value that looks like a placeholder stays as
// it is. Every parameter has a [Kind], which says what may be written there,
// in one spelling only, so that equal agreements have equal digests.
//
// # Versions
//
// The number at the end of an ID is the meaning: a change that gives or takes
// a right makes a new ID, consult-v2, and consult-v1 stays as it is. Version
// counts changes of wording. A released pair of ID and Version never changes;
// the package's tests hold their digests.
//
// # Encoding
//
// The canonical form is binary and has one spelling for each document. All
// numbers are 32-bit big-endian, a string is its length in bytes and its bytes:
//
//	"csss-terms-1\n"
//	template version title     3 strings
//	n, n × (id title text)     the clauses, in their order
//	m, m × (name value)        the parameters, names ascending by bytes
//
// The digest is SHA-256 over the ASCII text "csss/disclosure/terms/v1", one
// zero byte, and the canonical form. Documents also have JSON tags, for
// display; the JSON is not what is hashed.
//
// # What a digest gives away
//
// A digest by itself hides little: whoever knows the template and all
// parameters but the price can try all prices. Where the digest is seen before
// the text may be, fill in a parameter of kind [Nonce] with 128 random bits that
// are shown with the text and not before. The standard templates declare one.
//
// # Limits
//
// A document in canonical form has at most [MaxBytes]; it has 1 to [MaxClauses]
// clauses and at most [MaxParams] parameters. IDs and names have up to 64
// bytes, versions 32, titles 200, parameter values 200, clause texts 8192. All
// text is UTF-8 without control, format or line-separating characters; only a
// clause's text may hold line feeds.
//
// # What this package does not do
//
// It does not store acceptances (package disclosure does), move or hold money,
// settle disputes, or give legal advice: the standard templates are a starting
// point, which the sponsor of a market should have read by a lawyer of its
// place. A filled document holds the price, so it is for the eyes of the two
// sides. Parameters should never name a firm or a person: who the sides are
// follows from the engagement, and the digest is known before the reveal.
//
// Everything here is a pure function of its arguments and may be used
// concurrently. The package imports the standard library alone.
package terms
