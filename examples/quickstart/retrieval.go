package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/lexical"
	"github.com/deeperpoint/csss/internal/beir"
	"github.com/deeperpoint/csss/match"
)

// line is one row of -json: what one way of ranking reached on the whole set.
type line struct {
	Set     string   `json:"set"`
	Mode    string   `json:"mode"`
	NDCG    float64  `json:"ndcg@10"`
	Recall  float64  `json:"recall@10"`
	HNDCG   *float64 `json:"hard_ndcg@10"` // null without hard queries
	HRecall *float64 `json:"hard_recall@10"`
	Queries int      `json:"queries"`
	Offers  int      `json:"offers"`
	Seconds float64  `json:"seconds"`
}

// retrieval runs the matching engine over a set in BEIR form: each document
// an offer, each query a need's text.
func retrieval(ctx context.Context, dir, name string, asJSON bool, out io.Writer) error {
	set, err := beir.Read(dir)
	if err != nil {
		return err
	}
	m, err := offers(ctx, set)
	if err != nil {
		return err
	}
	var rows []line
	for _, r := range []ranking{{"dense", match.Dense}, {"bm25", match.BM25}, {"fused", match.Fused}} {
		row, err := evaluate(ctx, m, set, name, r)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if asJSON {
		enc := json.NewEncoder(out)
		for _, r := range rows {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	return table(rows, out)
}

// offers makes each document an offer of one kind and place, so that nothing
// but its words tells it apart.
func offers(ctx context.Context, set *beir.Set) (*match.Matcher, error) {
	lex, err := lexical.New(nil)
	if err != nil {
		return nil, err
	}
	m, err := match.New(embedder{lex}, nil)
	if err != nil {
		return nil, err
	}
	batch := make([]match.Offer, 0, len(set.Documents))
	for _, d := range set.Documents {
		batch = append(batch, match.Offer{
			ID: d.ID, Revision: 1, Firm: d.ID, Group: d.ID, Resource: d.ID,
			Kind: match.Expertise, Category: "expertise", Text: d.Content(), Zone: "UTC", Currency: "CAD",
			Quantity: match.Quantity{Unit: match.Hours, Value: match.Hour},
		})
	}
	return m, m.Upsert(ctx, batch...)
}

// ranking is a way of ranking and what the table calls it.
type ranking struct {
	name string
	mode match.RankMode
}

func evaluate(ctx context.Context, m *match.Matcher, set *beir.Set, name string, r ranking) (line, error) {
	start := time.Now()
	var failed error
	res := beir.Evaluate(set, func(q beir.Query) []string {
		if failed != nil {
			return nil
		}
		var ranked []match.Ranked
		ranked, failed = m.Rank(ctx, q.Text, 10, r.mode)
		ids := make([]string, len(ranked))
		for i, hit := range ranked {
			ids[i] = hit.Offer
		}
		return ids
	})
	row := line{Set: name, Mode: r.name, NDCG: res.All.NDCG10, Recall: res.All.Recall10,
		Queries: res.All.Queries, Offers: len(set.Documents), Seconds: time.Since(start).Seconds()}
	if res.Hard.Queries > 0 {
		row.HNDCG, row.HRecall = &res.Hard.NDCG10, &res.Hard.Recall10
	}
	return row, failed
}

func table(rows []line, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "set\tranking\tnDCG@10\trecall@10\thard nDCG@10\thard recall@10\tqueries\toffers\tseconds\t")
	for _, r := range rows {
		hard := [2]string{"–", "–"}
		if r.HNDCG != nil {
			hard = [2]string{fmt.Sprintf("%.3f", *r.HNDCG), fmt.Sprintf("%.3f", *r.HRecall)}
		}
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%.3f\t%s\t%s\t%d\t%d\t%.1f\t\n",
			r.Set, r.Mode, r.NDCG, r.Recall, hard[0], hard[1], r.Queries, r.Offers, r.Seconds)
	}
	return w.Flush()
}

// embedder is the ten lines that let the matcher use any embed.Embedder.
type embedder struct{ embed.Embedder }

func (e embedder) EmbedQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return e.Embed(ctx, embed.Query, texts, nil)
}

func (e embedder) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	return e.Embed(ctx, embed.Document, texts, nil)
}

func (e embedder) ModelID() string { return e.Info().ID }
