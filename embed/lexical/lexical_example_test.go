package lexical_test

import (
	"context"
	"fmt"

	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/lexical"
)

func Example() {
	e, err := lexical.New(nil)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	offers := []string{"5-axis milling on a Makino a61, nights", "powder coating line, 40 h a month", "payroll and bookkeeping"}
	documents, _ := e.Embed(ctx, embed.Document, offers, nil)
	query, _ := e.Embed(ctx, embed.Query, []string{"who can powder-coat our brackets?"}, nil)
	for i, d := range documents {
		var cosine float32 // the vectors have length 1
		for j := range d {
			cosine += d[j] * query[0][j]
		}
		fmt.Printf("%+.2f  %s\n", cosine, offers[i])
	}
	fmt.Println(e.Info().ID)
	// Output:
	// +0.09  5-axis milling on a Makino a61, nights
	// +0.35  powder coating line, 40 h a month
	// -0.09  payroll and bookkeeping
	// csss-lexical/1/512
}
