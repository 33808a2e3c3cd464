"""Downhill: the optimizers of deep learning, from SGD to AdamW, each written once.

===================  ==========================================================
``lib.rules``        every update rule, simplest first
``lib.beyond``       rules that came after Adam, of each number alone
``lib.matrices``     rules that know that a layer is a matrix
``lib.layers``       those on a whole network
``lib.losses``       loss functions of two variables
``lib.descent``      ``descend`` runs a rule, ``Optimizer`` steps in place
``lib.blocks``       runs a rule over long arrays block by block
``lib.single``       runs a rule for one parameter after the other
``lib.equations``    source of a rule or loss → equations → LaTeX, JavaScript
``lib.notation``     one table: name in code, symbol, meaning, allowed values
``lib.claims``       ``claim`` checks a statement of the book, in forms
``lib.explorer``     interactive figures
``lib.streams``      streams of gradients for one coordinate
``lib.bounds``       how far a step can go, and the gradients that make it
``lib.rates``        how fast a rule with momentum converges on a quadratic
``lib.figures``      static figures
``lib.models``       models with hand-written gradients over one flat θ
``lib.training``     minibatches, curves, and grids over settings and seeds
``lib.experiments``  the book's experiments, recorded
``lib.schedules``    learning-rate schedules
``lib.conventions``  the optimizers of six libraries, recorded and translated
``lib.arguments``    what several modules ask of an argument
``lib.files``        files that are written as a whole or not at all
``lib.performance``  what was measured of speed and of tests, as tables
``lib.data``         real data: small sets inside, larger ones fetched
``lib.homework``     checks for students, building and grading for instructors
===================  ==========================================================
"""

__version__ = "0.1.0"
