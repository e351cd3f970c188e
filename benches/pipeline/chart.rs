//! A line chart as SVG: logarithmic to the right, linear upwards from 0, readable on light and dark.
//!
//! In: named lines of points. Out: the text of an SVG file.
//! Must not know: what is drawn.

use std::fmt::Write;

/// Points from left to right; x is positive.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What is drawn, and what is written beside it.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) lines: &'a [Line<'a>],
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
/// The plot's edges. On the right there is room for the lines' names.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 170.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = HEIGHT - 52.0;
/// Between the baselines of two names.
const SPACING: f64 = 16.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}.paper{fill:#fff}
.grid{stroke:#ddd;stroke-width:1}.axis{stroke:#666;stroke-width:1}polyline{fill:none;stroke-width:2.5}
.l0{stroke:#777}.l1{stroke:#0969da}.l2{stroke:#bc4c00}circle.l0{fill:#777}circle.l1{fill:#0969da}circle.l2{fill:#bc4c00}
@media (prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#0d1117}.grid{stroke:#333}.axis{stroke:#999}
.l0{stroke:#aaa}.l1{stroke:#58a6ff}.l2{stroke:#f0883e}circle.l0{fill:#aaa}circle.l1{fill:#58a6ff}circle.l2{fill:#f0883e}}
";

/// Colours in [`STYLE`].
const COLOURS: usize = 3;

impl Chart<'_> {
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        // Writing to a string does not fail.
        let _ = self.draw(&mut svg);
        svg
    }

    fn draw(&self, svg: &mut String) -> std::fmt::Result {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let most = all().map(|point| point.1).fold(0.0, f64::max);
        let (first, last) =
            all().map(|point| point.0.log10()).fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
        let (first, last) = if first < last { (first, last) } else { (0.0, 7.0) };
        let step = step(most);
        let top = (most / step).ceil().max(1.0) * step;
        let across = |x: f64| LEFT + (x.log10() - first) / (last - first) * (RIGHT - LEFT);
        let up = |y: f64| BOTTOM - y / top * (BOTTOM - TOP);

        writeln!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#)?;
        writeln!(svg, "<title>{}</title>\n<style>\n{STYLE}</style>", self.title)?;
        writeln!(svg, r#"<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>"#)?;
        writeln!(svg, r#"<text class="title" x="{LEFT}" y="24">{}</text>"#, self.title)?;
        for number in 0..=(top / step).round() as u32 {
            let value = f64::from(number) * step;
            let (y, class) = (up(value), if number == 0 { "axis" } else { "grid" });
            writeln!(svg, r#"<line class="{class}" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1}" y2="{y:.1}"/>"#)?;
            writeln!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{value}</text>"#, LEFT - 8.0, y + 4.0)?;
        }
        for power in first.ceil() as i32..=last.floor() as i32 {
            let x = across(10_f64.powi(power));
            writeln!(svg, r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{BOTTOM}"/>"#)?;
            let label = short(power);
            writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{label}</text>"#, BOTTOM + 20.0)?;
        }
        let middle = (LEFT + RIGHT) / 2.0;
        writeln!(svg, r#"<text x="{middle}" y="{}" text-anchor="middle">{}</text>"#, HEIGHT - 12.0, self.x)?;
        let (x, y) = (16, (TOP + BOTTOM) / 2.0);
        writeln!(svg, r#"<text transform="translate({x} {y}) rotate(-90)" text-anchor="middle">{}</text>"#, self.y)?;
        for (number, line) in self.lines.iter().enumerate() {
            let class = format!("l{}", number % COLOURS);
            let points: Vec<String> =
                line.points.iter().map(|p| format!("{:.1},{:.1}", across(p.0), up(p.1))).collect();
            writeln!(svg, r#"<polyline class="{class}" points="{}"/>"#, points.join(" "))?;
            for point in &line.points {
                let (x, y) = (across(point.0), up(point.1));
                writeln!(svg, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#)?;
            }
        }
        self.names(svg, up)?;
        svg.push_str("</svg>\n");
        Ok(())
    }

    /// Each line's name and last value beside its end, from the lowest up, none over another.
    fn names(&self, svg: &mut String, up: impl Fn(f64) -> f64) -> std::fmt::Result {
        let ends = self.lines.iter().filter_map(|line| Some((line.points.last()?.1, line.name)));
        let mut ends: Vec<(f64, &str)> = ends.collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut above = f64::MAX;
        for (value, name) in ends {
            let y = (up(value) + 4.0).min(above - SPACING);
            above = y;
            writeln!(svg, r#"<text x="{}" y="{y:.1}">{name} {value:.0}</text>"#, RIGHT + 10.0)?;
        }
        Ok(())
    }
}

/// A round distance between lines of a grid, for five or so.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf((most.max(1.0) / 5.0).log10().floor());
    let wanted = most.max(1.0) / 5.0 / power;
    [1.0, 2.0, 5.0].into_iter().find(|&factor| factor >= wanted).unwrap_or(10.0) * power
}

/// 10 to that power.
fn short(power: i32) -> String {
    let (unit, thousands) = match power {
        6.. => ("M", 6),
        3.. => ("k", 3),
        _ => ("", 0),
    };
    format!("{}{unit}", 10_f64.powi(power - thousands))
}
