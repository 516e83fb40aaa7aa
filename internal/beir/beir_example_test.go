package beir_test

import (
	"fmt"

	"github.com/deeperpoint/csss/internal/beir"
)

func ExampleNDCG() {
	judged := map[string]int{"332710": 1}
	fmt.Printf("%.3f\n", beir.NDCG([]string{"333517", "332710", "811310"}, judged, 10))
	// Output: 0.631
}
