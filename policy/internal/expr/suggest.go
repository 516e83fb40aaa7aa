package expr

import "fmt"

// Suggest returns "; did you mean 'k'?" for the known word nearest to got, or nothing if none is near.
func Suggest(got string, known []string) string {
	best, bestDist := "", 1+len(got)/3
	for _, k := range known {
		if d := editDistance(got, k); d < bestDist || d == bestDist && best == "" {
			best, bestDist = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean '%s'?", best)
}

// editDistance is Levenshtein's, on bytes; words longer than 64 bytes are as far as they are long.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}
