package vecset

import (
	"path"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
)

// Fashion reads Fashion-MNIST from two of the given files, such as the list of
// files of Debian's package: the training pictures are the base, the test
// pictures the queries. At most rows and queries of them are read.
//
// Errors: ErrSet if one of the two is not in the list; those of reading them.
func Fashion(files []string, rows, queries int) (*Set, error) {
	s := &Set{Name: "fashion-mnist", Metric: L2}
	for _, part := range []struct {
		name  string
		table *Table
		limit int
	}{{"train-images-idx3-ubyte", &s.Base, rows}, {"t10k-images-idx3-ubyte", &s.Queries, queries}} {
		file := ""
		for _, f := range files {
			if base := path.Base(f); base == part.name || base == part.name+".gz" {
				file = f
			}
		}
		if file == "" {
			return nil, badf("no file %s among the %d of the package", part.name, len(files))
		}
		t, err := vecfile.OpenFloats(file, part.limit)
		if err != nil {
			return nil, err
		}
		*part.table = t
	}
	return s, s.Check()
}
