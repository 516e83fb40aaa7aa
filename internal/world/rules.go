package world

import (
	"bytes"
	"embed"
)

// The rule documents. Those of the stories are literal; the others are shapes
// that many firms share, with EMPLOYER in place of the firm's id, so that a
// whole world compiles from a few conditions.
//
//go:embed policies/*.yaml
var documents embed.FS

// rulesOf returns the rule document of a shape for one employer.
func rulesOf(shape, employer string) []byte {
	text, err := documents.ReadFile("policies/" + shape + ".yaml")
	if err != nil {
		panic(err) // impossible: shapes are named in this package only
	}
	return bytes.ReplaceAll(text, []byte("EMPLOYER"), []byte(employer))
}
