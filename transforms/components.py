"""Characters that people split into their left and right halves to hide them: 贝者 for 赌."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.text import CodePoints

# By left half: the ways it is written alone, then pairs of right half and whole. Halves that are no characters of their
# own are left out.
_SPLITS = {
    "讠言": "兑说舌话吾语井讲人认只识卖读寺诗司词平评周调成诚午许仑论义议己记丁订十计川训正证者诸青请射谢果课炎谈某谋胃谓隹谁乍诈方访"
    "殳设寸讨上让若诺皆谐公讼",
    "贝": "者赌才财反贩戎贼攵败兼赚易赐各赂有贿曾赠占贴乏贬",
    "氵": "每海工江可河又汉西洒去法台治青清主注先洗羊洋由油度渡舌活少沙气汽包泡皮波戋浅胡湖朝潮曼漫末沫票漂林淋良浪肖消目泪殳没同洞"
    "夜液斩渐也池原源难滩干汗查渣鱼渔",
    "亻人": "尔你门们也他言信旦但牛件壬任更便专传古估故做足促昌倡主住本体立位木休直值吏使介价半伴尤优义仪衣依韦伟寺侍共供建健象像弗佛",
    "女": "子好马妈且姐未妹乃奶口如少妙昏婚因姻喜嬉支妓昌娼票嫖干奸壬妊某媒良娘家嫁台始也她又奴方妨",
    "口": "乞吃马吗巴吧下吓未味及吸斤听加咖乎呼鸟鸣土吐牙呀曷喝肖哨合哈那哪可呵",
    "扌手": "丁打巴把白拍召招立拉包抱寺持受授合拾支技戈找爪抓是提足捉并拼空控甫捕殳投斤折",
    "木": "不杯木林支枝几机寸村公松交校每梅仓枪示标娄楼弟梯各格目相直植古枯黄横风枫反板",
    "钅金": "戋钱艮银失铁同铜少钞肖销令铃丁钉十针中钟昔错名铭帛锦",
    "火": "丁灯因烟尧烧包炮乍炸少炒暴爆考烤然燃共烘",
    "月": "几肌土肚半胖巴肥旦胆要腰却脚退腿生胜匈胸工肛",
    "日": "月明寸时乍昨免晚青晴音暗王旺未昧",
    "石": "马码少砂皮破更硬卒碎",
    "王": "见现求球里理元玩不环令玲",
    "弓": "长张虽强也弛单弹",
    "马": "户驴扁骗奇骑主驻又驭交骄也驰佥验",
    "车": "仑轮专转两辆交较欠软俞输",
    "纟": "工红及级且组冬终合给吉结色绝录绿者绪少纱勺约己纪",
    "忄": "青情白怕亡忙生性夬快曼慢吾悟艮恨每悔",
    "犭": "句狗者猪苗猫良狼王狂虫独",
    "阝": "可阿完院方防日阳月阴",
    "足": "包跑各路兆跳艮跟易踢失跌",
    "禾": "火秋多移中种少秒必秘只积口和",
    "目": "艮眼青睛垂睡民眠丁盯",
    "米": "分粉青精唐糖",
    "歹": "匕死朱殊",
    "身": "朵躲尚躺",
    "酉": "卒醉星醒己配",
    "彳": "主往寺待正征艮很",
    "礻": "申神土社且祖畐福兄祝",
    "衤": "刀初皮被果裸",
    "土": "也地成城不坏夬块",
    "虫": "它蛇马蚂义蚁",
    "耳": "又取只职总聪",
    "十": "尃博",
    "工": "力功",
    "力": "口加",
    "古": "月胡攵故",
    "其": "月期欠欺",
    "者": "阝都",
    "牙": "阝邪",
    "孝": "攵教",
    "正": "攵政",
    "君": "羊群",
    "白": "勺的",
    "青": "争静",
    "舌": "甘甜辛辞",
}


@lru_cache(maxsize=1)
def split_table() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint64], CodePoints]:
    """Which code points are left halves; the pairs as `left << 32 | right`, in order; the whole of each pair."""
    wholes: dict[int, int] = {}
    for lefts, rights in _SPLITS.items():
        for right, whole in zip(rights[::2], rights[1::2], strict=True):
            for left in lefts:
                wholes.setdefault(ord(left) << 32 | ord(right), ord(whole))
    pairs = np.array(sorted(wholes), dtype=np.uint64)
    is_left = np.zeros(0x110000, dtype=np.bool_)
    is_left[(pairs >> np.uint64(32)).astype(np.int64)] = True
    return is_left, pairs, np.array([wholes[pair] for pair in pairs.tolist()], dtype=np.uint32)
