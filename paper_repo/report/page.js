"use strict";
(function () {
  document.documentElement.classList.add("scripted");
  var money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  var two = function (n) { return String(n).padStart(2, "0"); };
  function when(ms) {
    var d = new Date(ms);
    return d.getUTCFullYear() + "-" + two(d.getUTCMonth() + 1) + "-" + two(d.getUTCDate()) + " " + two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
  }
  function nearest(times, t) {
    var low = 0, high = times.length - 1;
    while (high - low > 1) { var middle = (low + high) >> 1; if (times[middle] < t) low = middle; else high = middle; }
    return t - times[low] <= times[high] - t ? low : high;
  }
  var charts = [];
  document.querySelectorAll("figure.chart").forEach(function (figure) {
    var data = JSON.parse(figure.querySelector("script").textContent);
    var plot = figure.querySelector(".plot"), cursor = figure.querySelector(".cursor"), output = figure.querySelector("output");
    var picked = data.lines.length === 1 ? 0 : -1, place = -1;
    function shown(value) { return data.kind === "percent" ? (value > 0 ? "+" : "") + (value * 100).toFixed(2) + " %" : money.format(value); }
    function x(t) { return data.end === data.start ? 0 : (t - data.start) / (data.end - data.start) * 1000; }
    function show(t) {
      var line = data.lines[Math.max(picked, 0)];
      place = nearest(line.t, t);
      cursor.setAttribute("x1", x(line.t[place])); cursor.setAttribute("x2", x(line.t[place]));
      var lines = picked < 0 ? data.lines : [line];
      var parts = lines.slice(0, 4).map(function (each) {
        return (data.lines.length > 1 ? each.name + " " : "") + shown(each.v[nearest(each.t, line.t[place])]);
      });
      if (lines.length > 4) parts.push("… pick a session below to read it out");
      output.textContent = (data.since ? "Day " + (line.t[place] / 86400000).toFixed(1) : when(line.t[place]) + " UTC") + ": " + parts.join(" · ");
    }
    function at(event) { var box = plot.getBoundingClientRect(); return data.start + (event.clientX - box.left) / box.width * (data.end - data.start); }
    plot.addEventListener("pointermove", function (event) { show(at(event)); });
    plot.addEventListener("pointerdown", function (event) { show(at(event)); });
    plot.addEventListener("keydown", function (event) {
      var times = data.lines[Math.max(picked, 0)].t, last = times.length - 1;
      var step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      var next = event.key === "Home" ? 0 : event.key === "End" ? last : step === undefined ? -1 : Math.min(Math.max(place + step, 0), last);
      if (next < 0) return;
      event.preventDefault(); show(times[next]); place = next;
    });
    function pick(number) {
      picked = number;
      figure.classList.toggle("picked", picked >= 0);
      figure.querySelectorAll(".plot .line").forEach(function (path) { path.classList.toggle("on", Number(path.dataset.line) === picked); });
    }
    charts.push({ figure: figure, range: figure.querySelector(".range"), x: x, pick: pick });
  });
  document.querySelectorAll(".legend button").forEach(function (button) {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", function () {
      var on = button.getAttribute("aria-pressed") !== "true";
      document.querySelectorAll(".legend button").forEach(function (each) { each.setAttribute("aria-pressed", String(on && each === button)); });
      charts.forEach(function (chart) { if (chart.figure.dataset.together) chart.pick(on ? Number(button.dataset.line) : -1); });
    });
  });
  document.querySelectorAll("button[data-from]").forEach(function (button) {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", function () {
      var on = button.getAttribute("aria-pressed") !== "true", wanted = button.dataset.charts.split(" ");
      document.querySelectorAll("button[data-from]").forEach(function (each) { if (each.dataset.charts === button.dataset.charts) each.setAttribute("aria-pressed", "false"); });
      button.setAttribute("aria-pressed", String(on));
      charts.forEach(function (chart) {
        if (wanted.indexOf(chart.figure.id) < 0) return;
        var from = chart.x(Number(button.dataset.from)), to = chart.x(Number(button.dataset.to));
        chart.range.setAttribute("x", from); chart.range.setAttribute("width", on ? Math.max(to - from, 2) : 0);
      });
      if (on) document.getElementById(wanted[0]).scrollIntoView({ block: "nearest" });
    });
  });
})();
