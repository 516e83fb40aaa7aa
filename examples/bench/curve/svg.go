package curve

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Sizes of the picture.
const (
	width, height            = 860, 520
	left, right, top, bottom = 80, 190, 40, 56
	perfect                  = 0.9999 // recall above it lies here: the axis has no end
)

var colours = [...]string{"#0b5fa5", "#d1495b", "#2e8b57", "#b07d00", "#7b4fa3", "#555555", "#00939c", "#a04000"}

// WriteSVG draws the curves: recall to the right, so that each halving of what
// is missed takes the same room; queries per second upwards, on a logarithmic
// scale.
//
// Errors: those of w.
func WriteSVG(w io.Writer, title string, curves []Curve) error {
	f := frameOf(curves)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	text(&b, left, 22, `font-size="15"`, title)
	f.axes(&b)
	for i, c := range curves {
		f.draw(&b, i, c)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// frame maps recall and speed to the picture.
type frame struct{ nearMiss, farMiss, slow, fast float64 } // logarithms

func frameOf(curves []Curve) frame {
	f := frame{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for _, c := range curves {
		for _, p := range c.Points {
			f.nearMiss, f.farMiss = min(f.nearMiss, miss(p.Recall)), max(f.farMiss, miss(p.Recall))
			f.slow, f.fast = min(f.slow, math.Log10(p.QPS)), max(f.fast, math.Log10(p.QPS))
		}
	}
	if math.IsInf(f.slow, 1) { // no points
		return frame{-2, 0, 0, 1}
	}
	const room = 0.05
	return frame{f.nearMiss - room, f.farMiss + room, f.slow - room, f.fast + room}
}

// miss is the logarithm of the share that is not found.
func miss(recall float64) float64 { return math.Log10(1 - min(max(recall, 0), perfect)) }

func (f frame) x(recall float64) float64 {
	return left + (width-left-right)*(f.farMiss-miss(recall))/(f.farMiss-f.nearMiss)
}

func (f frame) y(qps float64) float64 {
	return top + (height-top-bottom)*(f.fast-math.Log10(qps))/(f.fast-f.slow)
}

// axes draws the lines that the ticks lie on.
func (f frame) axes(b *strings.Builder) {
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#444"/>`+"\n", left, top, width-left-right, height-top-bottom)
	for _, recall := range []float64{0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, perfect} {
		if m := miss(recall); m < f.nearMiss || m > f.farMiss {
			continue
		}
		x := f.x(recall)
		line(b, x, top, x, height-bottom, `stroke="#ddd"`)
		text(b, x, height-bottom+18, `text-anchor="middle"`, strconv.FormatFloat(recall, 'f', -1, 64))
	}
	for power := math.Floor(f.slow); power <= f.fast; power++ {
		for _, digit := range []float64{1, 2, 5} {
			qps := digit * math.Pow(10, power)
			if l := math.Log10(qps); l < f.slow || l > f.fast {
				continue
			}
			line(b, left, f.y(qps), width-right, f.y(qps), `stroke="#ddd"`)
			text(b, left-6, f.y(qps)+4, `text-anchor="end"`, strconv.FormatFloat(qps, 'f', -1, 64))
		}
	}
	text(b, left+(width-left-right)/2, height-12, `text-anchor="middle"`, "recall")
	fmt.Fprintf(b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">queries per second</text>`+"\n", (top+height-bottom)/2)
}

// draw draws a curve and its name.
func (f frame) draw(b *strings.Builder, i int, c Curve) {
	colour := colours[i%len(colours)]
	at := make([]string, len(c.Points))
	for j, p := range c.Points {
		at[j] = fmt.Sprintf("%.1f,%.1f", f.x(p.Recall), f.y(p.QPS))
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(at, " "), colour)
	for _, p := range c.Points {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", f.x(p.Recall), f.y(p.QPS), colour)
	}
	y := float64(top + 14 + 20*i)
	line(b, width-right+14, y-4, width-right+34, y-4, fmt.Sprintf(`stroke="%s" stroke-width="2"`, colour))
	text(b, width-right+40, y, "", c.Name)
}

func line(b *strings.Builder, x1, y1, x2, y2 float64, style string) {
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>`+"\n", x1, y1, x2, y2, style)
}

func text(b *strings.Builder, x, y float64, style, words string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" %s>`, x, y, style)
	_ = xml.EscapeText(b, []byte(words)) // a strings.Builder takes all
	b.WriteString("</text>\n")
}
