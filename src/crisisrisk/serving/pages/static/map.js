// The map of a shift, to move and to zoom where a script can. Its outlines, words and ways are those of the drawing on
// the page, which stays for paper and for who has no script; nothing is loaded before somebody asks for it.
const head = document.querySelector("[data-map]");
const [button, trouble] = head.children;
const place = document.querySelector(".cr-moved");
const drawing = document.querySelector(".cr-cells");
const below = document.querySelectorAll(".cr-moved-by");
const says = document.querySelector("[data-says]"); // in place of something that would cover what lies under it
const MOVE = 120; // pixels, for one press of a button
let map = null;

head.hidden = false;
button.addEventListener("click", async () => {
  const moved = button.getAttribute("aria-pressed") !== "true";
  try {
    await Promise.all([loaded("link", { rel: "stylesheet", href: head.dataset.style }), loaded("script", { src: head.dataset.script })]);
  } catch {
    trouble.textContent = "The map to move cannot be loaded now. The drawing below says the same.";
    return;
  }
  trouble.textContent = "";
  button.setAttribute("aria-pressed", moved);
  drawing.classList.toggle("cr-put-away", moved);
  place.hidden = !moved;
  for (const one of below) {
    one.hidden = !moved;
  }
  if (moved && map === null) {
    map = made();
  }
});

function loaded(kind, what) {
  const there = document.querySelector(`${kind}[data-of-map]`);
  if (there) {
    return Promise.resolve();
  }
  return new Promise((done, failed) => {
    const added = Object.assign(document.createElement(kind), what);
    added.dataset.ofMap = "";
    added.onload = done;
    added.onerror = () => {
      added.remove();
      failed();
    };
    document.head.append(added);
  });
}

function made() {
  const { tiles, leastZoom, mostZoom } = head.dataset;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const found = L.map(place, {
    attributionControl: false, zoomSnap: tiles ? 1 : 0.25, maxZoom: 19,
    zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still, inertia: !still,
  });
  moves(found, still).addTo(found);
  if (tiles) {
    place.classList.add("cr-on-tiles");
    L.tileLayer(tiles, { minNativeZoom: Number(leastZoom), maxNativeZoom: Number(mostZoom), maxZoom: 19 }).addTo(found);
  }
  const shapes = L.featureGroup([...drawing.querySelectorAll("a")].map(shapeOf)).addTo(found);
  found.fitBounds(shapes.getBounds(), { padding: [8, 8], animate: false });
  found.setMinZoom(found.getZoom() - 2);
  found.setMaxBounds(shapes.getBounds().pad(1));
  for (const text of drawing.querySelectorAll("text")) {
    const icon = L.divIcon({ className: `cr-pin ${text.getAttribute("class")}`, html: text.textContent, iconSize: [24, 24] });
    L.marker(at(text.getAttribute("x"), text.getAttribute("y")), { icon, interactive: false, keyboard: false }).addTo(found);
  }
  return found;
}

function shapeOf(link) {
  const path = link.querySelector("path");
  const drawn = path ?? link.querySelector("circle");
  const how = { className: drawn.getAttribute("class"), fillOpacity: 1, weight: 1 };
  const shape = path
    ? L.polygon(cornersOf(path.getAttribute("d")), how)
    : L.circleMarker(at(drawn.getAttribute("cx"), drawn.getAttribute("cy")), { ...how, radius: 12 });
  const words = link.querySelector("title").textContent;
  return shape.on("mouseover", () => { says.textContent = words; }).on("click", () => window.location.assign(link.href.baseVal));
}

// A path begins at one corner and then says the way from each to the next.
function cornersOf(path) {
  const numbers = path.match(/-?[\d.]+/g).map(Number), corners = [];
  let x = 0, y = 0;
  for (let place = 0; place < numbers.length; place += 2) {
    x += numbers[place];
    y += numbers[place + 1];
    corners.push(at(x, y));
  }
  return corners;
}

// Who cannot drag, or would rather not, moves the map by buttons.
function moves(found, still) {
  const control = L.control({ position: "topleft" });
  control.onAdd = () => {
    const bar = L.DomUtil.create("div", "leaflet-bar cr-moves");
    for (const [way, sign, x, y] of [["up", "\u2191", 0, -1], ["down", "\u2193", 0, 1], ["left", "\u2190", -1, 0], ["right", "\u2192", 1, 0]]) {
      const one = Object.assign(L.DomUtil.create("button", "", bar), { type: "button", textContent: sign, title: `Move ${way}` });
      one.setAttribute("aria-label", `Move ${way}`);
      one.addEventListener("click", () => found.panBy([MOVE * x, MOVE * y], { animate: !still }));
    }
    L.DomEvent.disableClickPropagation(bar);
    return bar;
  };
  return control;
}

function at(x, y) {
  const { west, north, left, top, longitude, latitude } = head.dataset;
  return [Number(north) - (y - top) / latitude, Number(west) + (x - left) / longitude];
}
