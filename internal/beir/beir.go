// Package beir reads retrieval test sets in the form that the BEIR benchmark uses (Thakur et al., arXiv
// 2104.08663) and measures rankings against them.
//
// A set is a folder of three files: corpus.jsonl (_id, title, text), queries.jsonl (_id, text, and hard: true
// where a query shares no token with the title it should find) and qrels.tsv (a header line, then query-id,
// corpus-id, score). All three are UTF-8, one record a line.
//
// The measures follow trec_eval and pytrec_eval: linear gain, log2 discount, ties broken by document id. State
// the pool (which documents were ranked) with every number; here it is always the whole corpus unless the caller
// ranked fewer.
package beir

// Document is one line of corpus.jsonl.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Content is the title and the text with a space between them, which is what BEIR's baselines index.
func (d Document) Content() string {
	if d.Title == "" {
		return d.Text
	}
	return d.Title + " " + d.Text
}

// Query is one line of queries.jsonl.
type Query struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
	// Hard marks a query that shares no token with the title it should find. Default false.
	Hard bool `json:"hard"`
}

// Qrels holds the judgements: for each query id the documents judged, with their scores. A score above 0 means
// relevant.
type Qrels map[string]map[string]int

// Set is one retrieval test set. Read-only after [Read]; safe for concurrent use while nobody writes.
type Set struct {
	Documents []Document
	Queries   []Query
	Qrels     Qrels
}

// Judged returns the queries that have at least one relevant document, in the order of the file. Queries without
// one are left out of every mean, as trec_eval does.
func (s *Set) Judged() []Query {
	var judged []Query
	for _, q := range s.Queries {
		for _, score := range s.Qrels[q.ID] {
			if score > 0 {
				judged = append(judged, q)
				break
			}
		}
	}
	return judged
}

// Held says whether a document belongs to the evaluation part of the project's split: FNV-1a-32 of its id
// modulo 100 is below 15. Everything else is for training and tuning.
func Held(documentID string) bool { return bucket(documentID) < 15 }

func bucket(id string) uint32 {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return h % 100
}

// Split returns two views of the set with the same documents and judgements: the queries whose relevant
// documents are all in the training part, and those of which one is held out. Queries without a judgement are in
// neither.
func (s *Set) Split() (train, held *Set) {
	train = &Set{Documents: s.Documents, Qrels: s.Qrels}
	held = &Set{Documents: s.Documents, Qrels: s.Qrels}
	for _, q := range s.Judged() {
		part := train
		for id, score := range s.Qrels[q.ID] {
			if score > 0 && Held(id) {
				part = held
			}
		}
		part.Queries = append(part.Queries, q)
	}
	return train, held
}
