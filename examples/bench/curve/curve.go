// Package curve works on curves of speed over recall, as benchmarks of
// approximate indexes have them: what speed an engine reaches at a recall, and a
// picture of several engines.
package curve

import "math"

// Point is one setting of an engine.
type Point struct {
	Recall float64 // in 0…1
	QPS    float64 // queries per second, above 0
}

// Curve is an engine's points in the order of the effort they take.
type Curve struct {
	Name   string
	Points []Point
}

// Rate is a speed at some recall.
type Rate struct {
	QPS float64 // 0 if the recall is never reached

	// AtLeast: the least effort already exceeds the recall, so that a setting
	// that just reaches it might be faster. Nothing is extrapolated.
	AtLeast bool
}

// At returns the best speed at which a curve has a recall. Between two points
// the logarithm of the speed is interpolated.
func (c Curve) At(recall float64) (best Rate) {
	for i, p := range c.Points {
		if p.Recall < recall {
			continue
		}
		r := Rate{p.QPS, i == 0 && p.Recall > recall}
		if i > 0 && c.Points[i-1].Recall < recall {
			r.QPS = between(c.Points[i-1], p, recall)
		}
		if r.QPS > best.QPS {
			best = r
		}
	}
	return best
}

func between(a, b Point, recall float64) float64 {
	part := (recall - a.Recall) / (b.Recall - a.Recall)
	return math.Exp(math.Log(a.QPS) + part*(math.Log(b.QPS)-math.Log(a.QPS)))
}
