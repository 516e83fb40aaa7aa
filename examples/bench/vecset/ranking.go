package vecset

import (
	"context"
)

// Rankings calls each for every query with all rows of the base, the nearest
// first and of equally near ones the earlier. Distances are float64. Several
// goroutines call it at once, in no order, and each may keep its rows.
//
// It costs one distance per row and query, and sorting them.
//
// Errors: that of the context; then some queries were left out.
func Rankings(ctx context.Context, s *Set, each func(query int, rows []int32)) error {
	return inParallel(ctx, s.Queries.Rows(), func(query int) {
		all := make([]candidate, s.Base.Rows())
		for i := range all {
			all[i].id = int32(i)
		}
		order(s, query, all)
		rows := make([]int32, len(all))
		for i, c := range all {
			rows[i] = c.id
		}
		each(query, rows)
	})
}
