"""The book without a mouse, without eyes for colour or movement, and by ear: what axe cannot see of it.

``tests/test_site.py`` looks at every page with axe; here are headings and names as text, what Chromium tells a screen
reader, and the keyboard, motion and high contrast on pages that have everything.
"""

import re

import pytest
from browsing import SIMPLER, breaches, show_all
from pages import PAGES, soup

HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
PLAYGROUND = "book/playground.html"


@pytest.fixture
def reader(browser, address):
    """`reader(page, width=…)` opens a page of the book and waits until its figures are drawn."""
    contexts = []

    def open_page(page, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        opened = context.new_page()
        opened.goto(page if ":" in page else address + page)
        show_all(opened)
        return opened

    yield open_page
    for context in contexts:
        context.close()


AT_ITS_END = """(() => {
  const full = document.fullscreenElement, before = full.scrollTop;
  full.scrollTo(0, 1e6);
  return full.scrollTop === before && before + full.clientHeight >= full.scrollHeight - 1;
})()"""


def settle(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


# As text.


def skipped_headings(page):
    """Headings that are more than one level below the one before, or not the one of level 1 at the beginning."""
    levels = [int(heading.name[1]) for heading in page.find_all(HEADINGS) if not heading.find_parent(class_="onlyprint")]
    steps = zip([0, *levels], levels)
    return [levels for before, level in steps if level > before + 1 or (level == 1) != (before == 0)][:1]


def cells_that_head_nothing(page):
    """Header cells without a scope, and tables without a header cell."""
    cells = [str(cell) for cell in page.select("table th:not([scope])")]
    return cells + [str(table)[:100] for table in page.select("article table") if not table.th]


@pytest.mark.parametrize("page", PAGES)
def test_headings_tables_and_landmarks(site, page):
    found = soup(site / page)
    assert found.html["lang"] == "en"
    assert skipped_headings(found) == []
    assert cells_that_head_nothing(found) == []
    assert len(found.find_all("main")) == 1 and found.find("main")["id"] == "main-content"
    assert found.body.find("a")["href"] == "#main-content"
    frames = [frame for frame in found.find_all("iframe") if not frame.get("title")]
    assert frames == []


@pytest.mark.parametrize("html", ["<h1>A</h1><h3>B</h3>", "<h2>A</h2>", "<h1>A</h1><h1>B</h1>"])
def test_wrong_headings_are_found_out(tmp_path, html):
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert skipped_headings(soup(tmp_path / "page.html"))


def test_a_table_that_heads_nothing_is_found_out(tmp_path):
    table = "<article><table><tr><td>1</td></tr></table><table><tr><th>a</th></tr></table></article>"
    (tmp_path / "page.html").write_text(table, encoding="utf-8")
    assert len(cells_that_head_nothing(soup(tmp_path / "page.html"))) == 2


# By ear: what Chromium tells a screen reader.


def told(page):
    """What a screen reader is told: the nodes of the accessibility tree, and the children of each by its id."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    nodes = {node["nodeId"]: node for node in nodes}

    def text(node):
        own = [node["name"]["value"]] if node["role"]["value"] == "StaticText" else []
        return "".join(own + [text(nodes[child]) for child in node.get("childIds", ()) if child in nodes])

    return [node for node in nodes.values() if not node["ignored"]], text


def unheard_equations(page):
    """Equations of which a screen reader hears nothing, or hears the drawn half too, as sentences."""
    nodes, text = told(page)
    shown = page.evaluate("[...document.querySelectorAll('math')]"
                          ".filter((math) => math.checkVisibility() && !math.closest('.slider')).length")  # which has words
    heard = [text(node) for node in nodes if node["role"]["value"] == "MathMLMath"]
    drawn = page.evaluate("document.querySelectorAll('.katex-html:not([aria-hidden=true])').length")
    problems = [f"{shown - len(heard)} of {shown} equations are not there"] if len(heard) != shown else []
    problems += ["an equation is empty"] * sum(not words.strip() for words in heard)
    return problems + ["an equation is read twice"] * drawn


@pytest.mark.parametrize("page", ["book/glossary.html", "book/errata.html", PLAYGROUND])
def test_every_equation_is_heard_once(reader, page):
    opened = reader(page)
    assert opened.locator("math").count() > 10
    assert unheard_equations(opened) == []


def test_numbers_and_punctuation_of_equations_are_heard(reader):
    page = reader("book/errata.html")
    numbers = page.locator(".eqno").all_text_contents()
    nodes, text = told(page)
    everything = "".join(text(node) for node in nodes if node["role"]["value"] == "RootWebArea")
    assert all(re.match(r"\(\d+\)", number)[0] in everything for number in numbers)
    after = page.locator(".katex:has(.after)").first
    assert after.locator("math mtext").last.text_content() == after.locator(".after").text_content()


@pytest.mark.parametrize(
    ("equation", "problem"),
    [
        ('<span class="katex"><span style="display: none"><math><mi>x</mi></math></span></span>', []),
        ('<math aria-hidden="true"><mi>x</mi></math>', ["1 of 1 equations are not there"]),
        ("<math><mrow></mrow></math>", ["an equation is empty"]),
        ('<math><mi>x</mi></math><span class="katex-html">x</span>', ["an equation is read twice"]),
    ],
)
def test_unheard_equations_are_found_out(browser, reader, tmp_path, equation, problem):
    (tmp_path / "page.html").write_text(f"<!doctype html><p>{equation}</p>", encoding="utf-8")
    assert unheard_equations(reader((tmp_path / "page.html").as_uri())) == problem


def test_controls_of_a_figure_have_names_of_their_own(reader):
    """A name with the names of the groups that it stands in, by kind of control, once in each figure."""
    page = reader(PLAYGROUND)
    names = page.evaluate("""() => [...document.querySelectorAll(".stage")].map((stage) =>
      [...stage.querySelectorAll("button, input, select, [role=slider], [role=img]")].filter((part) => part.checkVisibility())
        .map((part) => {
          const groups = [];
          for (let at = part; (at = at.parentElement.closest("[role=group]"));) groups.unshift(at.ariaLabel);
          const name = part.ariaLabel || part.labels?.[0]?.textContent || part.textContent;
          return [...groups, name.trim(), part.type ?? part.role].join(", ");
        }))""")
    assert len(names) == 3
    for figure in names:
        assert all(name.split(", ")[-2] for name in figure)
        assert sorted(figure) == sorted(set(figure))


def test_the_switches_of_solutions_say_of_which_exercise(reader):
    page = reader("book/adamax.html")
    names = page.locator(".toggle-button").evaluate_all("(buttons) => buttons.map((button) => button.ariaLabel)")
    assert len(names) == len(set(names)) >= 5
    assert all(re.match(r"Solution to Exercise \d+", name) for name in names)


# By keyboard.


@pytest.mark.parametrize("page", ["book/index.html", "book/errata.html", "search.html"])
def test_the_keyboard_is_seen_on_everything_it_reaches(reader, page):
    opened = reader(page, reduced_motion="reduce")
    opened.evaluate("document.activeElement.blur()")
    opened.evaluate(f"({LOOK})()")
    seen = []
    for _ in range(400):
        opened.keyboard.press("Tab")
        if (found := opened.evaluate("seen()")) is None:
            break
        seen.append(found)
    assert len(seen) > 20 and [name for name, differs in seen if not differs] == []
    assert len(seen) < 400, "the page does not let the keyboard go"


# How each element looks without the focus, to be compared with how it looks with it. The theme rings a field through the box
# around it, and a summary through the arrow in it.
LOOK = """() => {
  const look = (part) => [part.parentElement, part, ...part.children].map((each) => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(each);
    return [outlineStyle === "none" ? "" : outlineWidth + outlineColor, boxShadow].join();
  }).join(";");
  const parts = [...document.querySelectorAll("a, button, input, select, summary, [tabindex]")];
  const before = new Map(parts.map((part) => [part, look(part)]));
  window.seen = () => {
    const part = document.activeElement;
    return part === document.body ? null : [part.outerHTML.slice(0, 100), look(part) !== before.get(part)];
  };
}"""


def test_a_control_without_a_ring_is_found_out(reader, tmp_path):
    html = '<!doctype html><style>.no:focus { outline: none }</style><button>a</button><button class="no">b</button>'
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = reader((tmp_path / "page.html").as_uri())
    page.evaluate(f"({LOOK})()")
    differs = []
    for _ in range(2):
        page.keyboard.press("Tab")
        differs.append(page.evaluate("seen()")[1])
    assert differs == [True, False]


def test_the_first_key_leads_past_the_menu(reader):
    page = reader("book/errata.html", reduced_motion="reduce")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
    assert page.locator(":focus").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_menus_and_search_open_and_close_by_keys_and_are_sound_while_open(reader):
    page = reader("book/index.html")
    page.evaluate(SIMPLER)
    for name in ("Launch interactive content", "Source repositories", "Download this page"):
        switch = page.get_by_role("button", name=name)
        switch.focus()
        page.keyboard.press("Enter")
        assert switch.get_attribute("aria-expanded") == "true"
        assert breaches(page) == []
        page.keyboard.press("Escape")
        assert switch.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Control+k")
    field = page.locator("input[type=search]:visible")
    field.wait_for()
    assert field.evaluate("(field) => field === document.activeElement")
    assert breaches(page) == []
    page.keyboard.press("Escape")
    assert not field.is_visible()


def test_the_menu_of_a_phone_opens_and_closes_by_keys(reader):
    page = reader("book/glossary.html", 390, reduced_motion="reduce")
    switch = page.get_by_role("button", name="Toggle primary sidebar")
    switch.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".bd-sidebar-primary a:visible, dialog a:visible")
    assert breaches(page) == []
    page.keyboard.press("Escape")
    settle(page)
    assert page.locator("article h1").is_visible()


def tour(page, figure):
    """Walk through a figure with the Tab key from what is before it; the names of its stops, in order, and what hides them."""
    page.evaluate(f"""() => {{
      const all = [...document.querySelectorAll("a, button, input, select, summary, [tabindex='0']")]
        .filter((e) => e.checkVisibility());
      all[all.findIndex((e) => e.closest("#{figure}")) - 1].focus();
    }}""")
    stops = []
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate(f"""() => {{
          const e = document.activeElement, {{ x, y, width, height }} = e.getBoundingClientRect();
          const above = document.elementFromPoint(x + width / 2, y + Math.min(height, innerHeight - y) / 2);
          const hidden = above?.closest(".player") && !e.closest(".player") ? " hidden by the player" : "";
          return e.closest("#{figure}") && (e.ariaLabel ?? e.labels?.[0]?.textContent ?? e.textContent) + hidden;
        }}""")
        if stop is None:
            return stops
        stops.append(stop)
        assert len(stops) < 100, "the figure does not let the keyboard go"


def go(page, name):
    """Press Tab until a control whose name starts so has the focus."""
    for _ in range(60):
        if page.evaluate("(document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()").startswith(name):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} is not reached")


def start(page, figure):
    """Put the focus on the first control of a figure."""
    page.locator(f"#{figure} :is(button, select, input):visible").first.focus()


ORDER = {
    "paths": ["loss", "start at", "SGD", "learning rate", "Momentum", "Adam", "add a rule", "one step back", "play",
              "one step on", "step", "Settings", "back to how", "copy a link", "download", "the numbers", "full screen"],
    "microscope": ["gradients", "other noise", "bias correction", "gradient at step", "Adam", "learning rate", "RMSProp",
                   "add a rule", "equations of Adam", "equations of RMSProp", "play", "step", "Settings", "full screen"],
    "settings": ["loss", "rule", "across", "up", "colour", "lr ", "start at", "learning rate", "momentum", "play", "step",
                 "Settings", "full screen"],
}  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("figure", ORDER)
def test_the_keys_go_through_a_figure_in_the_order_of_its_parts_and_leave_it(reader, figure, width):
    page = reader(PLAYGROUND)
    page.set_viewport_size({"width": width, "height": 600})
    stops = tour(page, figure)
    assert [stop for stop in stops if stop.endswith("hidden by the player")] == []
    left = iter(stops)
    for name in ORDER[figure]:
        assert any(stop.startswith(name) for stop in left), name


def test_paths_by_keyboard_alone(reader, address):
    page = reader(PLAYGROUND)
    figure = page.locator("#paths")
    first = figure.locator(".sentence").text_content()
    start(page, "paths")
    go(page, "start at x -9, y 2")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert figure.locator(".ring").get_attribute("aria-label") != "start at x -9, y 2"
    go(page, "SGD")
    page.keyboard.press("Space")
    settle(page)
    assert figure.get_by_role("button", name="SGD", exact=True).get_attribute("aria-pressed") == "false"
    page.keyboard.press("Space")
    settle(page)
    page.keyboard.press("Tab")
    before = page.evaluate("document.activeElement.getAttribute('aria-valuetext')")
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") != before
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("0.02")
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate("document.activeElement.value") == "0.02"
    go(page, "further settings of Momentum")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#paths') !== null")
    go(page, "one step back")
    page.keyboard.press("Enter")
    settle(page)
    assert figure.locator(".count").text_content() == "step 99 of 100"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    settle(page)
    assert figure.locator(".count").text_content() == "step 0 of 100"
    go(page, "play")
    page.keyboard.press("Space")
    page.wait_for_function("document.activeElement.ariaLabel === 'pause'")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.ariaLabel") == "play"
    go(page, "step")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert figure.locator(".count").text_content() == "step 1 of 100"
    go(page, "Settings")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "number of steps"
    go(page, "the numbers as a table")
    page.keyboard.press("Enter")
    figure.locator(".numbers table").first.wait_for()
    assert figure.locator(".numbers caption").count() == figure.locator(".numbers table").count() == 2
    go(page, "numbers")
    page.keyboard.press("End")
    page.wait_for_function("document.activeElement.scrollTop > 0")
    start(page, "paths")
    go(page, "copy a link to this figure as it is now")
    page.keyboard.press("Enter")
    figure.locator(".message").wait_for()
    start(page, "paths")
    go(page, "back to how the figure began")
    page.keyboard.press("Enter")
    page.wait_for_function("(first) => document.querySelector('#paths .sentence').textContent === first", arg=first)


def test_a_stream_by_keyboard_alone(reader):
    page = reader(PLAYGROUND)
    figure = page.locator("#microscope")
    start(page, "microscope")
    page.keyboard.press("c")
    settle(page)
    assert page.evaluate("document.activeElement.value") != "noisy"
    page.locator("#microscope").get_by_label("bias correction").focus()
    page.keyboard.press("Space")
    settle(page)
    assert not page.evaluate("document.activeElement.checked")
    go(page, "gradient at step")
    page.keyboard.press("ArrowUp")
    settle(page)
    assert figure.locator("select[data-key=stream]").input_value() == "drawn"
    go(page, "equations of Adam; left and right name their symbols")
    page.keyboard.press("ArrowRight")
    tip = figure.locator(".tip").first
    assert re.match(r"m: .+ = ", tip.text_content())
    assert tip.get_attribute("role") == "status"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    go(page, "play")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.ariaLabel === 'pause'")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.ariaLabel") == "play"


def test_a_plane_by_keyboard_alone(reader):
    page = reader(PLAYGROUND)
    figure = page.locator("#settings")
    start(page, "settings")
    go(page, "rule")
    page.keyboard.press("ArrowDown")
    settle(page)
    start(page, "settings")
    page.keyboard.press("Tab")
    stop = figure.locator(".ring").first
    while not stop.evaluate("(ring) => ring === document.activeElement"):
        page.keyboard.press("Tab")
    before = stop.get_attribute("aria-label")
    page.keyboard.press("ArrowUp")
    settle(page)
    assert stop.get_attribute("aria-label") != before


@pytest.mark.parametrize("figure", ORDER)
def test_full_screen_by_keys_is_sound_and_ends(reader, figure):
    page = reader(PLAYGROUND)
    page.locator(f"#{figure}").get_by_role("button", name="full screen").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.fullscreenElement?.className === 'stage'")
    assert page.evaluate("document.fullscreenElement.closest('.downhill').id") == figure
    page.wait_for_function(AT_ITS_END)  # where the player covers nothing
    settle(page)
    page.wait_for_function(AT_ITS_END)
    assert breaches(page, part=f"#{figure}") == []
    page.keyboard.press("Enter")
    page.wait_for_function("!document.fullscreenElement")
    assert page.evaluate("document.activeElement.ariaLabel") == "full screen"


@pytest.mark.parametrize("size, stays", [((390, 844), True), ((844, 390), False)], ids=["upright", "on its side"])
def test_the_player_stays_in_view_where_it_leaves_room_for_the_figure(reader, size, stays):
    page = reader(PLAYGROUND)
    page.set_viewport_size(dict(zip(("width", "height"), size)))
    settle(page)
    end = page.evaluate("""() => {
      document.querySelector("#paths .panels").scrollIntoView({ behavior: "instant" });
      return document.querySelector("#paths .player").getBoundingClientRect().bottom - innerHeight;
    }""")
    assert -1 <= end <= 0 if stays else end > 0


# Motion.

MOVES = """() => new Promise((done) => {
  const seen = [], place = scrollY, said = ({ target }) => target.parentElement?.outerHTML.slice(0, 90);
  const watch = new MutationObserver((changes) => seen.push(...changes.map(said)));
  watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  setTimeout(() => {
    watch.disconnect();
    const animated = document.getAnimations().map((each) => each.animationName ?? "transition");
    done([...seen, ...animated, ...(scrollY === place ? [] : ["scroll"])]);
  }, 700);
})"""


@pytest.mark.parametrize("page", [PLAYGROUND, "book/index.html"])
def test_nothing_moves_before_a_reader_asks_for_it(reader, page):
    opened = reader(page, reduced_motion="no-preference")
    opened.wait_for_timeout(2500)  # the plane is computed, row by row, and then said
    assert opened.evaluate(MOVES) == []


def test_movement_is_found_out(reader, tmp_path):
    html = "<!doctype html><style>@keyframes a { to { opacity: 0 } } p { animation: a 9s infinite }</style><p>a</p>"
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert reader((tmp_path / "page.html").as_uri()).evaluate(MOVES) == ["a"]


def test_who_asks_for_less_motion_gets_none(reader):
    page = reader("book/adam.html", reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    page.evaluate("document.querySelectorAll('.toggle-button').forEach((button) => button.click())")
    assert page.evaluate("document.getAnimations().length") == 0
    page.evaluate("document.querySelector('#main-content a.headerlink[href]:last-of-type').click()")
    place = page.evaluate("scrollY")
    settle(page)
    assert page.evaluate("scrollY") == place
    moving = page.evaluate("""[...document.querySelectorAll("*")].filter((part) => {
      const { animationName, transitionDuration } = getComputedStyle(part);
      return animationName !== "none" || transitionDuration.split(", ").some((time) => time !== "0s");
    }).map((part) => part.outerHTML.slice(0, 90))""")
    assert moving == []


# High contrast.


def test_figures_keep_their_lines_apart_in_high_contrast(reader):
    page = reader(PLAYGROUND, forced_colors="active")
    lines = page.evaluate("[...document.querySelectorAll('#paths .map path.line')].map((line) => getComputedStyle(line).stroke)")
    assert len(lines) == len(set(lines)) == 3
    pressed = "[...document.querySelectorAll('#paths .chip[aria-pressed=true]')].map((chip) => getComputedStyle(chip).outlineStyle)"
    assert set(page.evaluate(pressed)) == {"solid"}
    ring = page.locator("#paths .ring")
    ring.focus()
    page.keyboard.press("ArrowLeft")
    assert ring.evaluate("(ring) => getComputedStyle(ring).outlineStyle") == "solid"
