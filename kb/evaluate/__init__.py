"""How well are labelled questions answered? The labels, the measures and their reading.

dataset     what is asked, and which documents and passages are right
reading     a folder of labelled questions, in the layouts that there are
locate      where a labelled passage stands in the text that is stored
documents   measures of a ranking of documents
passages    measures of a ranking of passages
"""
